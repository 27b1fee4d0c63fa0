import errno
import hashlib
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors import safe_open

from tutorial_lib.errors import TutorialError
from tutorial_lib.files import atomic_path, read_json, sha256_of, write_json, write_report, write_tensors
from tutorial_lib.schema import whole


def test_the_target_appears_whole(tmp_path):
    target = tmp_path / "new" / "folder" / "a.txt"
    with atomic_path(target) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("all")
        assert not target.exists()
    assert target.read_text() == "all"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folders_that_were_made_for_nothing_go_again(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "old/new/newer/a.txt"):
        raise RuntimeError
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "old/new/newer/a.txt"):
        (tmp_path / "old/new/other.txt").write_text("somebody else's")
        raise RuntimeError
    assert (tmp_path / "old/new/other.txt").exists() and not (tmp_path / "old/new/newer").exists()


def test_a_name_that_could_not_be_read_again_is_refused(tmp_path):
    with pytest.raises(TutorialError, match="is no UTF-8; use another"), atomic_path(tmp_path / "a\udcff.safetensors"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(TutorialError, match=r"Cannot write .*a.txt: no space left on device"), atomic_path(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_real_write_past_the_limit_leaves_the_old_checkpoint(tmp_path):
    """A process that may write only 20,000 bytes a file stands for a full disk."""
    script = textwrap.dedent("""
        import resource, signal, sys
        from torch import nn
        from tutorial_lib import checkpoint
        from tutorial_lib.errors import TutorialError
        path = sys.argv[1]
        checkpoint.save(path, nn.Linear(10, 10), {"good": True}, 7)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            checkpoint.save(path, nn.Linear(200, 200), {"good": False}, 8)
        except TutorialError as error:
            print(error)
        print(checkpoint.read(path).about, checkpoint.read(path).step)
    """)
    path = tmp_path / "c.safetensors"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said, kept = done.stdout.strip().splitlines()
    assert said.startswith(f"Cannot write {path}")
    assert kept == "{'good': True} 7"
    assert list(tmp_path.iterdir()) == [path]


def test_json_comes_back_and_damage_is_one_sentence(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 0.5, None]})
    assert read_json(tmp_path / "a.json") == {"a": [1, 0.5, None]}
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "d.json").write_text("[" * 100_000)
    for name in ("b.json", "c.json", "d.json"):
        with pytest.raises(TutorialError, match=f"{name} is missing or damaged"):
            read_json(tmp_path / name)


def test_json_has_to_be_a_dictionary_that_fits(tmp_path):
    for content in ([1], {"a": "1"}):
        write_json(tmp_path / "a.json", content)
        with pytest.raises(TutorialError, match=r"a\.json is damaged, or none of this project's"):
            read_json(tmp_path / "a.json", {"a": whole()})
    assert read_json(tmp_path / "a.json") == {"a": "1"}


def test_a_report_is_written_in_numbers_and_in_words_and_printed(tmp_path, capsys):
    write_report(tmp_path / "new" / "speed.json", {"seconds": 2}, "two seconds\na frame")
    assert read_json(tmp_path / "new" / "speed.json") == {"seconds": 2}
    assert (tmp_path / "new" / "speed.txt").read_text() == "two seconds\na frame\n" == capsys.readouterr().out


def test_tensors_come_back_whatever_their_layout(tmp_path):
    picture = torch.arange(24).reshape(2, 4, 3)
    tensors = {"plain": picture, "permuted": picture.permute(2, 0, 1), "cropped": picture[:, 1:3].half()}
    write_tensors(tmp_path / "a.safetensors", tensors, {"about": "layouts"})
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == {"about": "layouts"} and set(file.keys()) == set(tensors)
        for name, tensor in tensors.items():
            assert torch.equal(file.get_tensor(name), tensor) and file.get_tensor(name).dtype == tensor.dtype


def test_tensors_on_a_full_disk_are_one_sentence(tmp_path):
    script = textwrap.dedent("""
        import resource, signal, sys, torch
        from tutorial_lib.errors import TutorialError
        from tutorial_lib.files import write_tensors
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            write_tensors(sys.argv[1], {"a": torch.zeros(100_000)})
        except TutorialError as error:
            print(error)
    """)
    path = tmp_path / "a.safetensors"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith(f"Cannot write {path}: ") and done.stdout.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_the_checksum_of_its_files_in_the_order_of_their_names(tmp_path):
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "deeper").mkdir()
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"one").hexdigest()
    assert sha256_of(tmp_path) == hashlib.sha256(b"onetwo").hexdigest()
    with pytest.raises(TutorialError, match=r"no file or folder .*nothing"):
        sha256_of(tmp_path / "nothing")
