#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine as it came from its source.
. ./vm.sh

proven() {
	app_unit app.service password
	systemctl daemon-reload
	expect 0 "a service gets its key" systemctl start app.service
	equal "it is the broker's" "correct horse" "$(cat /run/app/password)"
	host broker stop
	host broker start
}

case_run proven proven
scenario_end
