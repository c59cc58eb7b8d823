/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MARK_H
#define MARK_H

#include <string.h>
#include "../workloads/window.h"
#include "qemu.h"

/* The mark that this instruction is, or 0 */
static inline uint32_t mark_of(const struct qemu_plugin_insn *insn)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x84, 0x00 };
	uint8_t copy[16], *bytes = copy;
	uintptr_t where;
	uint32_t mark;

	if (qemu_plugin_insn_size(insn) != sizeof(nop) + sizeof(mark))
		return 0;
	where = qemu_plugin_insn_data(insn, copy, sizeof(copy));
	if (where > sizeof(copy))
		bytes = (uint8_t *)where;
	memcpy(&mark, bytes + sizeof(nop), sizeof(mark));
	return !memcmp(bytes, nop, sizeof(nop)) && mark >> 8 == WINDOW_OPENS >> 8 ? mark : 0;
}

#endif
