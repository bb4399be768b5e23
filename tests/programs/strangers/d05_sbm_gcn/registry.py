class Registry:
    """Maps names to classes: @MODELS.register('gcn')."""

    def __init__(self, kind):
        self.kind = kind
        self._items = {}

    def register(self, name):
        def wrap(cls):
            if name in self._items:
                raise KeyError(f'{self.kind} {name!r} registered twice')
            self._items[name] = cls
            return cls
        return wrap

    def build(self, name, **kwargs):
        return self._items[name](**kwargs)

    def names(self):
        return sorted(self._items)


MODELS = Registry('model')
DATASETS = Registry('dataset')
