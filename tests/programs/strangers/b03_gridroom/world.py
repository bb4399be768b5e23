"""A small room with a wall in the middle; walk from the top-left corner to the bottom-right one."""
import numpy as np

SIDE = 6
MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]], dtype=np.float32)
GOAL = (SIDE - 1, SIDE - 1)
WALL = {(2, 1), (2, 2), (2, 3), (2, 4), (2, 5)}


class Room:
    n_actions = 4

    def __init__(self):
        self.pos = np.zeros(2, dtype=np.float32)

    def reset(self):
        self.pos = np.zeros(2, dtype=np.float32)
        return self.pos

    def step(self, action):
        target = np.clip(self.pos + MOVES[action], 0, SIDE - 1)
        if tuple(target.astype(int)) not in WALL:
            self.pos[:] = target
        done = tuple(self.pos.astype(int)) == GOAL
        reward = 1.0 if done else -0.02
        return self.pos, reward, done
