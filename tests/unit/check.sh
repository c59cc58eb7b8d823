#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel files in user space, under sanitizers, in seconds.
make -s -C "$(dirname "$0")" run coverage
