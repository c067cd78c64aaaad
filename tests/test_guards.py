"""The guard around a client: an answer always goes back, and state is kept only on success."""

import pytest
from apps import answer, client, echo, federation, instructions, model
from bad_clients import BAD
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from fedlab.guards import GuardedClientApp
from fedlab.logs import one_line


def context():
    return Context(1, 0, {"partition-id": 0, "num-partitions": 1}, RecordDict(), {})


def asked():
    """An instruction as a node gets it: named by the engine."""
    found = []
    federation(lambda grid: found.extend(instructions(grid)), client(echo), nodes=1)
    found[0].metadata.__dict__["_message_id"] = "asked"
    return found[0]


def guarded(train, state=None):
    """The reply to one instruction, and the context after it."""
    around = context()
    if state is not None:
        around.state["kept"] = ConfigRecord(state)
    return GuardedClientApp(client(train))(asked(), around), around


def test_a_good_reply_passes_untouched():
    replies = []

    def train(message, context):
        replies.append(echo(message, context))
        return replies[0]

    reply, _ = guarded(train)
    assert reply is replies[0]


@pytest.mark.parametrize("name", [name for name, bad in BAD.items() if bad.outcome == "failed"])
def test_whatever_a_client_does_an_answer_goes_back(name):
    reply, _ = guarded(BAD[name].act)
    assert reply.has_error()
    assert reply.metadata.reply_to_message_id == "asked"


def test_state_is_committed_on_success():
    def train(message, context):
        context.state["kept"]["count"] += 1
        context.state["new"] = ConfigRecord({"x": 1})
        return echo(message, context)

    _, around = guarded(train, {"count": 1})
    assert around.state["kept"] == ConfigRecord({"count": 2})
    assert around.state["new"] == ConfigRecord({"x": 1})


@pytest.mark.parametrize("ending", ["raises", "exits", "returns None", "answers nothing"])
def test_state_is_not_committed_on_failure(ending):
    def train(message, context):
        context.state["kept"]["count"] += 1
        context.state["kept"]["list"].append(9)
        context.state["new"] = ConfigRecord({"x": 1})
        return BAD[ending].act(message, context)

    reply, around = guarded(train, {"count": 1, "list": [1, 2]})
    assert reply.has_error()
    assert around.state == {"kept": ConfigRecord({"count": 1, "list": [1, 2]})}


def test_the_interrupt_key_is_no_failure_of_the_client():
    def train(message, context):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(train)


def test_a_client_without_a_train_function_fails_with_that_reason():
    reply = GuardedClientApp(ClientApp())(asked(), context())
    assert "No train function registered" in reply.error.reason


def test_the_apps_own_mods_and_lifespan_run_inside_the_guard():
    calls = []

    def mod(message, context, call_next):
        calls.append("mod")
        return call_next(message, context)

    app = client(echo, mods=[mod])

    @app.lifespan()
    def lifespan(context):
        calls.append("enter")
        yield
        calls.append("leave")

    assert GuardedClientApp(app)(asked(), context()).has_content()
    assert calls == ["enter", "mod", "leave"]


def test_a_failing_mod_is_a_failure_of_the_client():
    def mod(message, context, call_next):
        call_next(message, context)
        raise OSError("the codec broke")

    reply = GuardedClientApp(client(echo, mods=[mod]))(asked(), context())
    assert reply.error.reason == "OSError: the codec broke"


def test_an_exception_without_words_is_named_by_its_type():
    def train(message, context):
        raise StopIteration

    reply, _ = guarded(train)
    assert reply.error.reason == "StopIteration"


def test_a_message_that_holds_nothing_is_no_reply():
    def train(message, context):
        reply = answer(message, model())
        reply.__dict__["_content"] = None
        return reply

    reply, _ = guarded(train)
    assert reply.error.reason == "returned a Message that holds nothing instead of a RecordDict"


def test_a_message_that_holds_a_dict_is_no_reply():
    def train(message, context):
        reply = answer(message, model())
        reply.content = {"arrays": 1}
        return reply

    reply, _ = guarded(train)
    assert reply.error.reason == "returned a Message that holds dict instead of a RecordDict"


def test_a_reply_to_an_earlier_instruction_is_no_reply():
    earlier = []

    def train(message, context):
        earlier.append(message)
        return echo(earlier[0], context)

    app, around = GuardedClientApp(client(train)), context()
    first, second = asked(), asked()
    second.metadata.__dict__["_message_id"] = "second"
    assert app(first, around).has_content()
    assert "answers nothing" in app(second, around).error.reason


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("plain", "plain"),
        ("two\nlines\r\n\tand tabs", "two lines and tabs"),
        ("\x1b[91mred\x1b[0m", "red"),
        ("worker (pid=4711) died", "worker died"),
        ("<Client at 0x7f3a2b1c00>", "<Client at …>"),
        ("y" * 300, "y" * 300),
        ("y" * 301, "y" * 299 + "…"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_a_reason_is_one_printable_line(reason, line):
    assert one_line(reason) == line


def test_a_message_is_no_reply_to_itself():
    message = asked()
    reply = GuardedClientApp(client(lambda m, c: m))(message, context())
    assert isinstance(reply, Message)
    assert "build it with reply_to=message" in reply.error.reason
