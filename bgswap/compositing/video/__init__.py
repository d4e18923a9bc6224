"""Composites of videos: frames that meet, numbers smoothed over time, in constant memory."""
