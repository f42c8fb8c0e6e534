"""The runtimes beside each other, and each beside its own command line."""

from __future__ import annotations

import json
import shlex
import subprocess
import time

from tests.bench.bed import IMAGE, Bed, open_bed, open_containerd_bed, pod
from tests.bench.logs import MIB, PRINT, await_line
from tests.bench.rows import Row, median

_PODS = 200
_GROUPS = 40
_TRIES = 3
_WRITE = "echo from init >/work/file"
_SIDE = "exec sleep 3600"
_READ = "cat /work/file"


def rates() -> list[Row]:
    """Pods with one container, eight at a time, on containerd and on Docker by turns."""
    ours, theirs = [], []
    with open_bed(max_pods=8) as docker, open_containerd_bed(max_pods=8) as containerd:
        for bed in (docker, containerd):
            bed.run([*bed.argoexec, "submit", str(bed.manifest([pod("warm", "true")])), "--wait"])
        for turn in range(_TRIES):
            theirs.append(_rate(docker, turn))
            ours.append(_rate(containerd, turn))
    return [
        Row(
            f"{_PODS} trivial pods, 8 at a time, on containerd beside the same on Docker",
            "pods/s",
            median(ours),
            median(theirs),
            limit=1.5,
            at_most=False,
            note=f"medians of {_TRIES} turns",
        )
    ]


def groups() -> list[Row]:
    """Pods with an init container, a sidecar and a main container, which share a directory."""
    rows = []
    for opened, by_hand, name in (
        (open_bed, _docker_script, "docker"),
        (open_containerd_bed, _ctr_script, "ctr"),
    ):
        with opened(max_pods=8) as bed:
            script = by_hand(bed)
            bed.run([*bed.argoexec, "submit", str(bed.manifest([_group("warm")])), "--wait"])
            ours, theirs = [], []
            for turn in range(_TRIES):
                theirs.append(_by_hand(bed, script, f"turn-{turn}"))
                ours.append(_group_rate(bed, turn))
        rows.append(
            Row(
                f"{_GROUPS} pods of three containers on {bed.runtime}, 8 at a time,"
                f" beside `{name}` under `xargs -P 8`",
                "pods/s",
                median(ours),
                median(theirs),
                limit=1.0,
                at_most=False,
                note=f"medians of {_TRIES} turns",
            )
        )
    return rows


def bulk() -> list[Row]:
    """200 MiB of 100-byte lines of one container on containerd."""
    with open_containerd_bed() as bed:
        whole = []
        for number in range(_TRIES):
            manifest = bed.manifest([pod(f"whole-{number}", "sh", "-c", PRINT)])
            whole.append(MIB / bed.timed([*bed.argoexec, "submit", str(manifest), "--log"]))
        script = f"{PRINT}; echo end; exec sleep 3600"
        started = time.monotonic()
        bed.run([*bed.argoexec, "submit", str(bed.manifest([pod("bulk", "sh", "-c", script)]))])
        await_line(bed, "bulk", b"end")
        stored_s = time.monotonic() - started
        read = [MIB / bed.timed([*bed.argoexec, "logs", "bulk"]) for _ in range(_TRIES)]
        bed.run([*bed.argoexec, "delete", "bulk", "--yes"])
    return [
        Row(
            f"{MIB} MiB of log lines on containerd, from start to end, `submit --log`",
            "MiB/s",
            median(whole),
            note=f"medians of {_TRIES}; task, engine, daemon and client share the machine",
        ),
        Row(
            f"{MIB} MiB of log lines on containerd, `argoexec logs`",
            "MiB/s",
            median(read),
            limit=100,
            at_most=False,
            note=f"stored {stored_s:.1f} s after the start of the task",
        ),
    ]


def _rate(bed: Bed, turn: int) -> float:
    names = [f"turn-{turn}-{number}" for number in range(_PODS)]
    manifest = bed.manifest([pod(name, "echo", "hi") for name in names])
    started = time.monotonic()
    bed.run([*bed.argoexec, "submit", str(manifest), "--wait"])
    return _PODS / (time.monotonic() - started)


def _group_rate(bed: Bed, turn: int) -> float:
    names = [f"group-{turn}-{number}" for number in range(_GROUPS)]
    manifest = bed.manifest([_group(name) for name in names])
    started = time.monotonic()
    bed.run([*bed.argoexec, "submit", str(manifest), "--wait"])
    return _GROUPS / (time.monotonic() - started)


def _group(name: str) -> dict[str, object]:
    mounts = [{"name": "work", "mountPath": "/work"}]

    def container(name: str, script: str, **more: object) -> dict[str, object]:
        command = ["sh", "-c", script]
        return {"name": name, "image": IMAGE, "command": command, "volumeMounts": mounts, **more}

    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "initContainers": [
                container("init", _WRITE),
                container("side", _SIDE, restartPolicy="Always"),
            ],
            "containers": [container("main", _READ)],
            "volumes": [{"name": "work", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 0,
        },
    }


def _by_hand(bed: Bed, script: str, label: str) -> float:
    """Run *script* for each number, eight at a time; $0 is a name."""
    argv = ["xargs", "-P", "8", "-I", "{}", "sh", "-ec", script, f"{label}-{{}}"]
    numbers = "\n".join(str(number) for number in range(_GROUPS)).encode()
    started = time.monotonic()
    subprocess.run(argv, env=bed.env, input=numbers, stdout=subprocess.DEVNULL, check=True)
    return _GROUPS / (time.monotonic() - started)


def _docker_script(bed: Bed) -> str:
    """What a pod is, by Docker's command line: the sidecar holds the network."""
    docker = shlex.join(bed.docker)
    run = f'{docker} run --volume "$work:/work"'
    return _script(
        f"{run} --rm {IMAGE} sh -c {shlex.quote(_WRITE)}",
        f'{run} --detach --name "$0-side" {IMAGE} sh -c {shlex.quote(_SIDE)}',
        f'{run} --rm --network "container:$0-side" {IMAGE} sh -c {shlex.quote(_READ)}',
        f'{docker} rm --force "$0-side"',
    )


def _ctr_script(bed: Bed) -> str:
    """What a pod is, by containerd's command line: that has no word for a network of several."""
    whole = json.loads(bed.network.read_text(encoding="utf-8"))
    network = bed.directory / "network.json"
    one = {"cniVersion": whole["cniVersion"], "name": whole["name"], **whole["plugins"][0]}
    network.write_text(json.dumps(one), encoding="utf-8")
    ctr = shlex.join(bed.ctr)
    cni = (
        'CNI_COMMAND={} CNI_CONTAINERID="$0" CNI_NETNS="/run/netns/$0" CNI_IFNAME=eth0'
        f" CNI_PATH=/usr/lib/cni /usr/lib/cni/{one['type']} <{network}"
    )
    run = (
        f"{ctr} run --seccomp"
        ' --mount "type=bind,src=$work,dst=/work,options=rbind:rw"'
        ' --with-ns "network:/run/netns/$0" {}'
        f" docker.io/library/{IMAGE}"
    )
    return _script(
        'ip netns add "$0"',
        'ip -n "$0" link set lo up',
        cni.format("ADD"),
        run.format("--rm") + f' "$0-init" sh -c {shlex.quote(_WRITE)}',
        run.format("--detach") + f' "$0-side" sh -c {shlex.quote(_SIDE)}',
        run.format("--rm") + f' "$0-main" sh -c {shlex.quote(_READ)}',
        f'{ctr} task delete --force "$0-side" 2>/dev/null || true',
        f'{ctr} container delete "$0-side"',
        cni.format("DEL"),
        'ip netns delete "$0"',
    )


def _script(*commands: str) -> str:
    return "; ".join(("work=$(mktemp -d)", *commands, 'rm -r "$work"'))
