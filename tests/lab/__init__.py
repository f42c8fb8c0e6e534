"""Real hosts for tests: machines with systemd, SSH and packages, and an EC2 that makes them.

A machine is a systemd-nspawn container, or a QEMU virtual machine, in a network namespace of its
own, reached at an address of its own. `tests.lab.ec2` is moto in this process; its
instances are such machines, with metadata service, cloud-init and user data. Everything is removed
at the end, and what a killed run has left is removed by the next one.
"""
