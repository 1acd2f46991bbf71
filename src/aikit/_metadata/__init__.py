"""What files say beside their pixels: EXIF, XMP and IPTC, read and cleaned as bytes. No module in here knows a format."""
