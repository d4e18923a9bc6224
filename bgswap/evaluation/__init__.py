"""Measuring: metrics, one a file, tables with baselines and intervals, reports to look at, studies with people."""
