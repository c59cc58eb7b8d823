// SPDX-License-Identifier: GPL-2.0-only
/* What the layout of Linux 6.12 calls is all in layout.h. */
