"""What every place that runs pods has to do, as data: cases, and what runs them on an executor."""
