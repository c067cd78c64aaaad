"""What one client sends through its mods, before the server decodes it."""

from apps import answer, below_the_meter, client, federation, instructions, numbers


def sent_by(act, mods, *, arrays=None, kind="train"):
    """What one client's reply holds below the layer that decodes it."""
    replies = []

    def main(grid):
        bare = below_the_meter(grid)
        replies.extend(bare.send_and_receive(instructions(grid, arrays, kind=kind)))

    federation(main, client(act, act, act, mods=mods), nodes=1)
    return replies[0]


def adds(update):
    """A client that adds the same update to whatever it is sent."""

    def train(message, context):
        moved = {
            name: (value + update[name]).astype(value.dtype) if name in update else value
            for name, value in numbers(message.content).items()
        }
        return answer(message, moved)

    return train
