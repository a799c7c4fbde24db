"""Event packages, a file each; `registry.PACKAGES` lists them."""
