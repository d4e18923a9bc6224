"""Methods: draw(random, scene, ranges) -> numbers as JSON; apply(pictures, drawn) -> the sample as tensors.

INPUTS and OUTPUTS name the roles read and written, OPTIONAL what is used where it is there. A method may also have
draw_window(random, size, box, aspect, ranges): its own crop; draw_photo(random, ranges): numbers that all copies of a
photo share; prepare(read, drawn, tools): work at the photo's own size; at_step(drawn, step); facts(pictures, drawn):
fields of the sample's line.
"""
