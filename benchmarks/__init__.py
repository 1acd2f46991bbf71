"""aikit beside its peers and beside a plain copy: `make bench`."""
