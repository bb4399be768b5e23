"""Ways into other tools, one file each."""
