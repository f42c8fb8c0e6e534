"""The system calls that a container may make, in the form of the OCI specification.

What is not named is refused with EPERM: what configures the machine (mount, kexec, modules,
clocks), what looks into other processes' secrets (kernel keys), and what is a frequent way out
(io_uring, userfaultfd). The choice is that of other container runtimes, so an image that runs there
runs here. A capability brings the calls that are of no use without it.
"""

from __future__ import annotations

import platform
from collections.abc import Collection
from functools import cache
from typing import Any, Final

_EPERM: Final = 1
_ENOSYS: Final = 38
_NAMESPACE_FLAGS: Final = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_AF_VSOCK: Final = 40
_PERSONALITIES: Final = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)
"""PER_LINUX, PER_LINUX32, both with UNAME26, and the question which it is."""

# A word with a slash stands for several: the part before it with each of the endings after it.
_ALWAYS: Final = """
    _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod
    chown/32 clock_adjtime/64 clock_getres/_time64 clock_gettime/64 clock_nanosleep/_time64 close
    close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
    epoll_ctl/_old epoll_pwait epoll_pwait2 epoll_wait/_old eventfd eventfd2 execve execveat exit
    exit_group faccessat faccessat2 fadvise64/_64 fallocate fanotify_mark fchdir fchmod fchmodat
    fchown/32 fchownat fcntl/64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr
    fstat/64 fstatat64 fstatfs/64 fsync ftruncate/64 futex/_time64 futex_waitv futimesat
    get_robust_list get_thread_area getcpu getcwd getdents/64 getegid/32 geteuid/32 getgid/32
    getgroups/32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom
    getresgid/32 getresuid/32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
    getuid/32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents/_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc
    kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown/32 lgetxattr link
    linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat/64 madvise membarrier
    memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2
    mprotect mq_getsetattr mq_notify mq_open mq_timedreceive/_time64 mq_timedsend/_time64 mq_unlink
    mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep
    newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc
    pkey_free pkey_mprotect poll ppoll/_time64 prctl pread64 preadv preadv2 prlimit64
    process_mrelease process_vm_readv process_vm_writev pselect6/_time64 ptrace pwrite64 pwritev
    pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg/_time64 recvmsg
    remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
    rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait/_time64
    rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_rr_get_interval/_time64 sched_setaffinity sched_setattr
    sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
    semtimedop/_time64 send sendfile/64 sendmmsg sendmsg sendto set_robust_list set_thread_area
    set_tid_address setfsgid/32 setfsuid/32 setgid/32 setgroups/32 setitimer setpgid setpriority
    setregid/32 setresgid/32 setresuid/32 setreuid/32 setrlimit setsid setsockopt setuid/32 setxattr
    shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn
    socketcall socketpair splice stat/64 statfs/64 statx symlink symlinkat sync sync_file_range
    syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime/64
    timer_settime/64 timerfd_create timerfd_gettime/64 timerfd_settime/64 times tkill truncate/64
    ugetrlimit umask uname unlink unlinkat utime utimensat/_time64 utimes vfork vmsplice wait4
    waitid waitpid write writev
"""
_WITH: Final = {
    "BPF": "bpf",
    "DAC_READ_SEARCH": "open_by_handle_at",
    "PERFMON": "perf_event_open",
    "SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount
        mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
        sethostname setns syslog umount umount2 unshare
    """,
    "SYS_BOOT": "reboot",
    "SYS_CHROOT": "chroot",
    "SYS_MODULE": "delete_module finit_module init_module",
    "SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "SYS_PACCT": "acct",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "SYS_RAWIO": "ioperm iopl",
    "SYS_TIME": "clock_settime/64 settimeofday stime",
    "SYS_TTY_CONFIG": "vhangup",
    "SYSLOG": "syslog",
}
_MACHINES: Final = {
    "x86_64": (["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "arch_prctl modify_ldt"),
    "aarch64": (
        ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    ),
}


def profile(capabilities: Collection[str]) -> dict[str, Any] | None:
    """Return the rules for a container with these capabilities (without CAP_).

    None on a machine whose peculiarities are not described here: then every call is allowed.
    """
    return _profile(platform.machine(), frozenset(_WITH.keys() & capabilities))


@cache
def _profile(machine: str, capabilities: frozenset[str]) -> dict[str, Any] | None:
    if machine not in _MACHINES:
        return None
    architectures, own = _MACHINES[machine]
    names = _names(_ALWAYS) | _names(own)
    for capability in capabilities:
        names |= _names(_WITH[capability])
    rules = [_allow(sorted(names))]
    rules.append(_allow(["socket"], value=_AF_VSOCK, op="SCMP_CMP_NE"))
    rules += [_allow(["personality"], value=one, op="SCMP_CMP_EQ") for one in _PERSONALITIES]
    if "SYS_ADMIN" not in capabilities:
        rules.append(_allow(["clone"], value=_NAMESPACE_FLAGS, op="SCMP_CMP_MASKED_EQ"))
        # Its flags are in memory, where no filter sees them; programs fall back to clone.
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": architectures,
        "syscalls": rules,
    }


def _allow(names: list[str], *, value: int | None = None, op: str = "") -> dict[str, Any]:
    """Allow calls, or only those whose first argument compares with *value*."""
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ALLOW"}
    if value is not None:
        rule["args"] = [{"index": 0, "value": value, "op": op}]
    return rule


def _names(words: str) -> set[str]:
    names = set()
    for word in words.split():
        name, _, ending = word.partition("/")
        names |= {name, name + ending}
    return names
