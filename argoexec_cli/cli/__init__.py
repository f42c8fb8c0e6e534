"""The command line: parse, build, call, show. The only package that prints and exits."""
