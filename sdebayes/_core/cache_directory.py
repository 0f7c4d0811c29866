"""The user's cache directory, and compiled code that is kept in it."""

from __future__ import annotations

import os
from pathlib import Path

from sdebayes._core.arguments import checked
from sdebayes._core.errors import StoreError
from sdebayes._core.kinds import PathLike


def default_directory() -> Path:
    """Where embeddings and compiled code are kept: ``$SDEBAYES_CACHE`` if set, else the user's cache directory."""
    import platformdirs

    return Path(os.environ.get("SDEBAYES_CACHE") or platformdirs.user_cache_dir("sdebayes"))


@checked
def keep_compiled(directory: PathLike | None = None) -> Path:
    """Keep what is compiled from now on, and find again what other processes have kept.

    A fit of a model and data of some shape then compiles once on a machine, and not in each script. The command line
    does so by itself; a script or notebook says so once, at its beginning.

    Parameters
    ----------
    directory
        Where it is kept; created if needed. By default the folder ``compiled`` in ``$SDEBAYES_CACHE``, or in the user's
        cache directory. Processes may share it.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    StoreError
        If it cannot be made.

    Notes
    -----
    It is JAX's persistent compilation cache, for all that this process compiles: to read a small program takes a fifth
    of what it takes to compile it. What ``JAX_COMPILATION_CACHE_DIR`` names has precedence over the default.

    Examples
    --------
    >>> import jax
    >>> before = jax.config.jax_compilation_cache_dir
    >>> sb.keep_compiled("compiled").name
    'compiled'
    >>> jax.config.update("jax_compilation_cache_dir", before)  # as it was
    """
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    named = os.environ.get("JAX_COMPILATION_CACHE_DIR")
    folder = Path(directory or named or default_directory() / "compiled")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The directory {str(folder)!r} for compiled code cannot be made ({error.strerror}); give another."
        ) from error
    jax.config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compilation_cache.reset_cache()
    return folder
