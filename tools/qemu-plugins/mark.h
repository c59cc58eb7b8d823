/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MARK_H
#define MARK_H

#include <stdio.h>
#include <string.h>
#include "window.h"
#include "qemu.h"

/* The mark that this instruction encodes, or 0 */
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

/* @on_mark is called with each mark that is executed. */
static inline void watch_marks(struct qemu_plugin_tb *tb, exec_cb on_mark)
{
	size_t i, nr = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t mark = mark_of(insn);

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)mark);
	}
}

/* At exit: ends the list of windows in @out. */
static inline void end_windows(qemu_plugin_id_t id, void *out)
{
	(void)id;
	fprintf(out, "\n]\n");
	fclose(out);
}

#endif
