"""Methods: draw(random, scene, ranges) -> numbers as JSON; apply(pictures, drawn) -> the sample as tensors."""
