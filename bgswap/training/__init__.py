"""`bgswap train`: one loop for all recipes, and the run folders that it writes."""
