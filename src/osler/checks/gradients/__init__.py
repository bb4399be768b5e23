"""Are gradients computed, cleared and kept right?"""
