"""One recipe a file: its settings, the samples it takes, its networks, phases and losses."""
