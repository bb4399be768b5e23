"""Problems of the data: is what is fed in what is meant?"""
