"""Which names stand for the same array, and what is changed behind whose back."""
