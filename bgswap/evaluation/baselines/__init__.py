"""One classical way a file, to measure systems against: `make(...)`, from what every system was given."""
