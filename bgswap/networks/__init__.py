"""Networks in plain torch, one a file: recognize() knows their weights by names and shapes, build() makes them."""
