"""Is the network wired and switched as meant?"""
