"""What files say beside their pixels: EXIF, XMP and IPTC, read and cleaned as bytes. No module in here knows a format."""

# Under what key of `info` pictures that were turned into sRGB tell what they come from.
SOURCE_COLOR = "source_color"
