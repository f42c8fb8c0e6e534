"""Manifests: what works, and the one clear line for what does not."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argoexec_cli.controller.documents import MAX_BYTES
from argoexec_cli.controller.load import Source, load_submission, read_source
from argoexec_cli.controller.plan import check_run
from argoexec_cli.controller.submission import Overrides
from argoexec_cli.errors import DeniedError, InvalidError, NotFoundError, UnsupportedFieldError
from argoexec_cli.models.pod import Pod
from argoexec_cli.models.workflow import WorkflowRun

EXAMPLES = Path(__file__).parents[2] / "examples"
ECHO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: echo
spec:
  entrypoint: say
  arguments:
    parameters:
      - name: message
        value: hello
  templates:
    - name: say
      inputs:
        parameters:
          - name: message
      container:
        image: busybox
        command: [echo, "{{inputs.parameters.message}}"]
"""
RUN = """\
apiVersion: argoexec.io/v1alpha1
kind: WorkflowRun
metadata:
  name: run
spec:
  executor: mine
  workflowRef: {name: echo}
  arguments:
    parameters: [{name: message, value: 3}]
"""


def load(*texts: str, **overrides: object) -> list[WorkflowRun | Pod]:
    """Load texts as files that are named `0.yaml`, `1.yaml` and so on."""
    sources = [Source(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)]
    return load_submission(sources, Overrides(**overrides))  # type: ignore[arg-type] # as written


def load_run(*texts: str, **overrides: object) -> WorkflowRun:
    """Load texts that come to one run."""
    (run,) = load(*texts, **overrides)
    assert isinstance(run, WorkflowRun)
    return run


def error(*texts: str, **overrides: object) -> InvalidError:
    """Return the error of loading the texts."""
    with pytest.raises(InvalidError) as caught:
        load(*texts, **overrides)
    return caught.value


def test_a_workflow_becomes_a_run() -> None:
    run = load_run(ECHO)
    assert (run.metadata.namespace, run.metadata.name) == ("default", "echo")
    assert run.spec.workflow_spec is not None
    assert run.spec.workflow_spec.templates[0].container is not None
    assert load_run(ECHO) == run


@pytest.mark.parametrize("order", [(ECHO, RUN), (RUN, ECHO), (f"{ECHO}---\n{RUN}",)])
def test_a_workflow_that_a_run_refers_to_is_only_its_definition(order: tuple[str, ...]) -> None:
    run = load_run(*order)
    assert (run.metadata.name, run.spec.executor) == ("run", "mine")
    assert run.spec.workflow_spec == load_run(ECHO).spec.workflow_spec
    assert run.spec.workflow_ref is None
    assert run.spec.arguments.parameters[0].value == "3"


def test_the_command_line_wins() -> None:
    run = load_run(ECHO, RUN, parameters={"message": "hi"}, executor="other", namespace="elsewhere")
    assert [p.value for p in run.spec.arguments.parameters] == ["hi"]
    assert (run.spec.executor, run.metadata.namespace) == ("other", "elsewhere")


def test_a_missing_value_may_come_from_the_command_line() -> None:
    text = ECHO.replace("        value: hello\n", "")
    failed = error(text)
    assert failed.message == (
        "0.yaml:9: spec.arguments.parameters[0]: spec.arguments.message.value is required"
    )
    assert failed.hint == "give it a value: argoexec submit -p message=VALUE …"
    assert load_run(text, parameters={"message": "hi"}).spec.arguments.parameters[0].text == "hi"


def test_every_example_loads() -> None:
    paths = sorted(EXAMPLES.glob("*.yaml"))
    assert [path.name for path in paths] == [
        "echo-run.yaml",
        "echo.yaml",
        "pod.yaml",
        "script.yaml",
    ]
    for path in paths:
        text = path.read_bytes()
        assert f"argoexec submit examples/{path.name}".encode() in text
        (first,) = load_submission([Source(path.name, text)])
        (second,) = load_submission([Source(path.name, text)])
        # So that one may submit it again, with other parameters, as its first lines tell to.
        assert first.metadata.name != second.metadata.name


def test_names_are_generated_for_runs_and_pods() -> None:
    text = ECHO.replace("name: echo", "generateName: echo-")
    first, second = load_run(text), load_run(text)
    assert first.metadata.name.startswith("echo-")
    assert first.metadata.name != second.metadata.name
    (pod,) = load(
        "{apiVersion: v1, kind: Pod, metadata: {generateName: p-}, spec: "
        "{containers: [{name: a, image: b}]}}"
    )
    assert len(pod.metadata.name) == 7


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        (
            "      container:\n",
            "      steps: []\n      container:\n",
            16,
            "spec.templates[0].steps is not supported",
        ),
        ("    - name: say\n", "    - name: say\n      dag: {}\n", 13, "spec.templates[0].dag is"),
        ("image: busybox", "imagge: busybox", 17, "spec.templates[0].container.imagge is not"),
        ("image: busybox", "image: 1.5", 17, "spec.templates[0].container.image: expected str"),
        ("  name: echo\n", "  name: Echo\n", 4, "metadata.name: 'Echo' is not a valid name"),
        ("  name: echo\n", "  labels: {}\n", 3, "metadata: one of name and generateName is"),
        ("  name: echo\n", "  name: echo\n  labels:\n    a.b/c: 1\n", 6, "metadata.labels.a.b/c: "),
        (
            "entrypoint: say",
            "entrypoint: other",
            6,
            "spec.entrypoint: there is no template 'other'",
        ),
        (
            "    - name: say\n",
            "    - name: say\n      outputs: {parameters: []}\n",
            13,
            "spec.templates[0].outputs.parameters is not supported",
        ),
        (
            "inputs.parameters.message",
            "inputs.parameters.other",
            18,
            "spec.templates[0].container.command[1]: failed to resolve {{inputs.parameters.other}}",
        ),
        ("kind: Workflow", "kind: CronWorkflow", 2, "kind CronWorkflow is not supported"),
        ("kind: Workflow\n", "", 1, "kind is missing"),
        ("v1alpha1", "v1", 1, "apiVersion argoproj.io/v1 is not supported for kind Workflow"),
        (
            "  entrypoint: say\n",
            "  entrypoint: say\n  entrypoint: say\n",
            7,
            "the key 'entrypoint'",
        ),
        ("      container:\n", "      script:\n", 16, "spec.templates[0].script: object missing"),
        (
            "    - name: say\n",
            "    - name: say\n      activeDeadlineSeconds: 0\n",
            13,
            "spec.templates[0].activeDeadlineSeconds: must be greater than 0",
        ),
        (
            "          - name: message\n",
            "          - name: message\n          - name: x\n",
            16,
            "spec.templates[0].inputs.parameters[1]: inputs.parameters.x was not supplied",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(
    old: str, new: str, line: int, problem: str
) -> None:
    assert old in ECHO
    failed = error(ECHO.replace(old, new))
    assert failed.message.startswith(f"0.yaml:{line}: {problem}")


def test_unsupported_fields_keep_their_class_and_have_a_hint() -> None:
    failed = error(ECHO.replace("      container:\n", "      steps: []\n      container:\n"))
    assert isinstance(failed, UnsupportedFieldError)
    assert "container and script templates" in failed.hint
    assert error(ECHO.replace("image: busybox", "imag: x")).hint == "did you mean image?"
    assert error(ECHO.replace("image: busybox", "image: 1")).hint == "quote it to make it a string"


def test_errors_are_said_where_they_are_written() -> None:
    broken = ECHO.replace("inputs.parameters.message", "inputs.parameters.other")
    assert error(broken, RUN).message.startswith("0.yaml:18: spec.templates[0].container")
    wrong = RUN.replace("name: message", "name: mesage")
    failed = error(ECHO, wrong)
    assert failed.message.startswith("1.yaml:9: spec.arguments.parameters[0]: the workflow has no")
    assert failed.hint == "its parameters: message"
    assert error(RUN).message.startswith("0.yaml:7: spec.workflowRef: there is no Workflow 'echo'")


def test_an_inline_spec_has_its_own_path() -> None:
    inline = """\
apiVersion: argoexec.io/v1alpha1
kind: WorkflowRun
metadata: {name: run}
spec:
  workflowSpec:
    entrypoint: nope
    templates: []
"""
    failed = error(inline)
    assert failed.message == "0.yaml:6: spec.workflowSpec.entrypoint: there is no template 'nope'"
    both = inline.replace("spec:\n", "spec:\n  workflowRef: {name: x}\n", 1)
    assert "use one of workflowSpec and workflowRef" in error(both).message
    neither = "{apiVersion: argoexec.io/v1alpha1, kind: WorkflowRun, metadata: {name: a}, spec: {}}"
    assert "one of workflowSpec and workflowRef is required" in error(neither).message


def test_an_unknown_parameter_of_the_command_line_lists_the_known() -> None:
    failed = error(ECHO, parameters={"mesage": "x"})
    assert failed.message == "-p mesage: the workflow has no parameter 'mesage'"
    assert failed.hint == "its parameters: message"


def test_two_of_one_name_are_refused() -> None:
    failed = error(ECHO, ECHO)
    assert failed.message == (
        "1.yaml:4: metadata.name: another Workflow of this submission is named 'echo' (0.yaml:4)"
    )
    twice = "      - name: message\n        value: again\n  templates:"
    assert "'message' appears twice" in error(ECHO.replace("  templates:", twice)).message


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n---\n"])
def test_an_empty_file_is_an_error(text: str) -> None:
    assert error(text).message == "0.yaml:1: the file is empty"


@pytest.mark.parametrize(("text", "found"), [("- a", "a list"), ("hello", "plain text")])
def test_what_is_no_mapping_is_refused(text: str, found: str) -> None:
    assert error(text).message == f"0.yaml:1: a manifest is a mapping of fields, not {found}"


def test_sources_are_read_from_files_and_stdin(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(ECHO)
    assert read_source(str(path), io.BytesIO()) == Source(str(path), ECHO.encode())
    assert read_source("-", io.BytesIO(b"a")) == Source("stdin", b"a")
    with pytest.raises(NotFoundError, match=r"b\.yaml: there is no such file"):
        read_source(str(tmp_path / "b.yaml"), io.BytesIO())
    with pytest.raises(InvalidError, match="cannot be read: Is a directory"):
        read_source(str(tmp_path), io.BytesIO())


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(10 * 1024 * 1024)
    with pytest.raises(InvalidError, match=f"10,485,760 bytes are too large.*{MAX_BYTES:,}"):
        read_source(str(path), io.BytesIO())
    with pytest.raises(InvalidError, match="too large"):
        read_source("-", io.BytesIO(b"x" * (MAX_BYTES + 100)))


def test_a_file_that_may_not_be_read_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)  # the suite may run as root, whom no mode stops
    with pytest.raises(DeniedError, match="may not be read"):
        read_source(str(tmp_path / "a"), io.BytesIO())


def test_loading_imports_nothing_heavy() -> None:
    code = "import sys, argoexec_cli.controller.load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"ruamel", "grpc", "google", "asyncio", "sqlite3", "aiohttp", "hmac"}
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}


_LINES = st.sampled_from([*ECHO.splitlines(), *RUN.splitlines(), "---", "  x: 1", "- a", "\t", ":"])


@settings(max_examples=300)
@given(st.lists(_LINES | st.text(max_size=12), max_size=30))
def test_any_text_is_loaded_or_refused(lines: list[str]) -> None:
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    try:
        for loaded in load_submission([Source("f", text)]):
            if isinstance(loaded, WorkflowRun):
                check_run(loaded)
    except InvalidError as exc:
        assert exc.message.startswith("f:")


@settings(max_examples=200)
@given(st.data())
def test_a_manifest_with_any_one_field_replaced_is_loaded_or_refused(data: st.DataObject) -> None:
    rows = ECHO.splitlines()
    row = data.draw(st.integers(0, len(rows) - 1))
    value = data.draw(
        st.sampled_from(["1", "[]", "{}", "null", "true", "[1]", "{a: 1}", "'{{x}}'", "1e400"])
    )
    rows[row] = f"{rows[row].partition(':')[0]}: {value}"
    try:
        load_submission([Source("f", "\n".join(rows).encode())])
    except InvalidError as exc:
        assert exc.message.startswith("f:")


def test_a_list_is_its_items_and_their_lines() -> None:
    items = "".join(
        f"- apiVersion: v1\n  kind: Pod\n  metadata: {{name: {name}}}\n  spec:\n"
        "    containers: [{name: main, image: busybox}]\n"
        for name in ("one", "two")
    )
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"
    assert [pod.metadata.name for pod in load(text, ECHO)] == ["one", "two", "echo"]
    with pytest.raises(UnsupportedFieldError, match=r"^0.yaml:14: spec\.nonesuch"):
        load(f"{text}    nonesuch: 1\n")
    with pytest.raises(InvalidError, match=r"^0.yaml:3: items: expected a list"):
        load("apiVersion: v1\nkind: List\nitems: {}\n")
    with pytest.raises(InvalidError, match=r"^0.yaml:1: a List has apiVersion v1"):
        load("apiVersion: v2\nkind: List\nitems: []\n")
    with pytest.raises(InvalidError, match=r"^0.yaml:4: a manifest is a mapping"):
        load("apiVersion: v1\nkind: List\nitems:\n- text\n")
