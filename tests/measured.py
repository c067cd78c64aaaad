"""For the tests of measuring: an app that trains nothing, and what a run of one leaves."""

from fedlab.engines import DeployResult
from fedlab.engines.deployment.book import RoundTrip
from fedlab.ledger import Ledger, Transfer
from fedlab.measure import MeasureReport
from fedlab.meters import Exchange, Exchanges
from fedlab.units import Bytes

MODEL, HEAD = 1000, 50  # payload of a message; what a message weighs beside it
HTTP = 7  # up of a request beside its content

# It trains nothing; client k adds k + 1, so that no reply is equal to another or the broadcast.
CODE = """
import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

server = ServerApp()
client = ClientApp()


@client.train()
def train(message, context):
    k = np.float32(context.node_config["partition-id"] + 1)
    arrays = {name: Array(a.numpy() + k) for name, a in message.content["arrays"].items()}
    content = {"arrays": ArrayRecord(arrays), "metrics": MetricRecord({"num-examples": 1})}
    return Message(RecordDict(content), reply_to=message)


@client.evaluate()
def evaluate(message, context):
    metrics = MetricRecord({"num-examples": 1, "loss": 1.0})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


@server.main()
def main(grid, context):
    start = ArrayRecord({"w": Array(np.random.default_rng(0).random((500, 100), np.float32))})
    FedAvg().start(grid, start, num_rounds=context.run_config["num-server-rounds"])
"""


def transfer(node, number, kind, direction, payload, **about):
    sizes = (Bytes(payload), Bytes(payload + HEAD), Bytes(payload + 2 * HEAD))
    return Transfer("", node, number, kind, direction, *sizes, **about)


def result_of(*, nodes=2, rounds=2, update=MODEL, evaluates=True, wire=True, numbered=True):
    """What a run leaves in which each message is one request on its node's hop."""
    ledger, passed, trips, now = Ledger(), Exchanges(), [], 0.0
    passed.add(Exchange("server", "/poll", now, Bytes(3), Bytes(2)))
    passed.add(Exchange("node 0", "/poll", now, Bytes(4), Bytes(5)))
    for number in range(1, rounds + 1):
        for kind in ("train", "evaluate") if evaluates else ("train",):
            now += 1
            trips.append(RoundTrip(number if numbered else 0, kind, now, now + 1))
            reply = update if kind == "train" else 0
            passed.add(Exchange("server", "/push", now, Bytes(MODEL), Bytes(nodes * reply)))
            for node in reversed(range(nodes)):
                hop = f"node {node}"
                for direction, payload in (("down", MODEL), ("up", reply)):
                    one = transfer(node, number if numbered else 0, kind, direction, payload)
                    ledger.add(one)
                passed.add(Exchange(hop, "/pull", now, Bytes(HTTP), Bytes(MODEL + HEAD)))
                passed.add(Exchange(hop, "/push", now, Bytes(reply + HTTP), Bytes(0)))
    return DeployResult(
        ledger=ledger,
        wire=passed if wire else Exchanges(),
        trips=tuple(trips),
        nodes={node: f"node {node}" for node in range(nodes)} if wire else {},
        inbound=Bytes(11),
        outbound=Bytes(12),
        server_peak=None,
        link_peak=None,
        seconds=1.5,
        log=(),
    )


def report_of(*, nodes=2, rounds=2, **about):
    return MeasureReport("tiny", nodes, rounds, result_of(nodes=nodes, rounds=rounds, **about))
