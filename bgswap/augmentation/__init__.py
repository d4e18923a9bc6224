"""Make training data from anyone's photos: samples.py makes one, methods/ say how, layouts/ read known data sets."""
