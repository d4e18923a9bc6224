"""Cut people out: predict.py looks and decides, refine/ sharpens edges, colors.py cleans them, stage.py joins."""
