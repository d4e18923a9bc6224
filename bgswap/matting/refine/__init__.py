"""Ways to bring a network's small matte to the photo's full size. Each file has one function:

    refine(rough, photo, band) -> (alpha, warnings)

rough: Rough, the small matte (h, w) 0..1 and the small photo (h, w, 3) 0..1 that the network saw
photo: (H, W, 3) uint8 or uint16, the same picture at full size; never written into
band: uint8, not 0 where alpha is to be found; (h, w) like rough's (worked out from the matte by bands.unknown) or
    (H, W) like the photo's (a user's trimap). Elsewhere rough.alpha is trusted: `alpha` is 0 or full there.
alpha: (H, W) in the photo's type; warnings: sentences for the user

Full-size float work is done in the band's tiles only (bands.parts).
"""
