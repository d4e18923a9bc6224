"""Studies with people: a page that asks, and the fit of what they answered."""
