"""What is asked of AWS itself: before anything is made, about what is there, and what is left."""
