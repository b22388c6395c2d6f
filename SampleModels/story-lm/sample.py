"""Continue a prompt with the trained model.

Usage:  python sample.py WORKDIR "prompt" [tokens] [seed]

Requirements: python >= 3.10, numpy==2.4.6, jax==0.10.2, tokenizers==0.23.3
"""

import sys
from pathlib import Path

import jax
import numpy as np
from tokenizers import Tokenizer

import train

HERE = Path(__file__).resolve().parent
TEMPERATURE, TOP_P = 0.7, 0.9


@jax.jit
def next_logits(params, tokens, position):
    """Logits after the token at `position` of one padded row."""
    return train.hidden_states(params, tokens[None])[position] @ params["embed"].T


def pick(logits, rng):
    """Sample from the most probable tokens that together hold TOP_P."""
    scaled = np.asarray(logits, np.float64) / TEMPERATURE
    order = np.argsort(-scaled)
    weights = np.exp(scaled[order] - scaled[order[0]])
    cumulative = np.cumsum(weights) / weights.sum()
    kept = np.searchsorted(cumulative, TOP_P) + 1
    return int(rng.choice(order[:kept], p=weights[:kept] / weights[:kept].sum()))


def generate(params, tokenizer, prompt, count, seed):
    """The prompt and its continuation as text."""
    rng = np.random.default_rng(seed)
    row = np.zeros(train.CONTEXT, np.int32)
    end = tokenizer.token_to_id("<|endoftext|>")
    ids = [end] + tokenizer.encode(prompt).ids
    while len(ids) < min(train.CONTEXT, count):
        row[:len(ids)] = ids
        ids.append(pick(next_logits(params, row, len(ids) - 1), rng))
        if ids[-1] == end:
            break
    return tokenizer.decode(ids)


def main():
    """Command line."""
    work, prompt = Path(sys.argv[1]), sys.argv[2]
    count, seed = (int(value) for value in (sys.argv[3:] + ["200", "1"][len(sys.argv) - 3:]))
    state, _ = train.load_checkpoint(work / "checkpoint.npz")
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    print(generate(train.params_of(state), tokenizer, prompt, count, seed))


if __name__ == "__main__":
    main()
