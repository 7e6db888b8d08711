#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The boot after a rotation: with the new key.
. ./vm.sh
. ./database_lib.sh

disk_opens() { volume_opens data /var/lib/postgresql; }

case_run disk disk_opens
case_run database database_serves 'select line from kept' 'from the first boot'
scenario_end
