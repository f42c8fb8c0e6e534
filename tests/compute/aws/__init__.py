"""What is asked of AWS, against an account in this process."""
