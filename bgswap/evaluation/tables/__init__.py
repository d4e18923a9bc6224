"""One seed system's published tables a file: `TABLES`, and which of our own rows stand beside theirs."""
