package lumos.controls.id_01_test

import data.lumos.controls.id_01
import data.lumos.lib

source(revision) := {"manifest": {"spec": {"source": {"revision": revision}}}}

test_pass_commit if {
	lib.outcome(id_01) == "pass" with input as source("575db8b7a51b6f85eb06eee540738584589f131c")
}

test_pass_digest if {
	lib.outcome(id_01) == "pass" with input as source("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
}

test_fail_moving_names if {
	every revision in ["main", "v1.2.0", "champion", "575db8b", "575DB8B7A51B6F85EB06EEE540738584589F131C", "refs/pr/3"] {
		lib.outcome(id_01) == "fail" with input as source(revision)
	}
}

test_fail_commit_within_text if {
	lib.outcome(id_01) == "fail" with input as source("main\n575db8b7a51b6f85eb06eee540738584589f131c")
}

test_missing if {
	lib.outcome(id_01) == "missing" with input as {"manifest": {"spec": {"source": {}}}}
	lib.outcome(id_01) == "missing" with input as source("  ")
}
