"""Do the optimizer and its schedule move what they should, when they should?"""
