/* SPDX-License-Identifier: GPL-2.0-only */
/* Included by hvo_race.c alone. On Linux 7.3 a walker checks nothing but the refcount. */
