"""One metric a file: its name is --metric's value, its docstring's first line tells what it is and which way is better.

What a file holds is told in bgswap/evaluation/metric.py.
"""
