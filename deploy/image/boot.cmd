# U-Boot's script: slot A or B, as RAUC counts their tries. A slot that used up its tries without being marked good is
# passed over; with none left the counters start again, because a gate that tries for ever beats one that gave up.
# When the variables are lost (the power went while they were written), slots.txt says which system was kept last.
if test -z "${BOOT_ORDER}"; then
  load mmc 0:1 ${loadaddr} slots.txt && env import -t ${loadaddr} ${filesize}
  setenv preboot
  setenv bootdelay -2
fi
test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
setenv slot
for each in "${BOOT_ORDER}"; do
  if test "x${slot}" != "x"; then
    true
  elif test "x${each}" = "xA"; then
    if test ${BOOT_A_LEFT} -gt 0; then
      setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
      setenv slot A
      setenv part 2
    fi
  elif test "x${each}" = "xB"; then
    if test ${BOOT_B_LEFT} -gt 0; then
      setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
      setenv slot B
      setenv part 3
    fi
  fi
done
if test "x${slot}" = "x"; then
  setenv BOOT_A_LEFT 3
  setenv BOOT_B_LEFT 3
  saveenv
  reset
fi
saveenv
echo hallgate: slot ${slot}
setenv bootargs "root=PARTUUID=48474154-0${part} ro rootwait rauc.slot=${slot} console=tty1 console=ttyS1,115200 net.ifnames=0 cma=64M panic=10 cpufreq.default_governor=performance fsck.repair=yes ${bootargs_more}"
load mmc 0:${part} ${kernel_addr_r} boot/vmlinuz && load mmc 0:${part} ${ramdisk_addr_r} boot/initrd.img && booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr}
reset
