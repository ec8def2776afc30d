/**
 * Shell texts that run a command at most once under an id, on whatever POSIX system they are sent to. The folder that
 * `mkdir` makes is the claim: whoever comes second, at the same time or a week later, waits for the first one's end and
 * tells the same outcome. The command goes on when the connection that began it is cut.
 *
 * Both take `DIRECTORY ID`, the first one also the command: `sh -c TEXT sh DIRECTORY ID COMMAND…`.
 */
const STATE = `
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)
alive() {
  read -r pid was 2>/dev/null <"$run/pid" || return 1
  [ "$was" = "$boot" ] && kill -0 "$pid" 2>/dev/null
}`;

/** Ends with the command's exit status; with `CUT_OFF` on stderr and 75 when it began and nobody saw it end. */
export const CUT_OFF = 'proxmox-agent: began and was cut off';

const KEPT_BYTES = 65_536;

/** Runs the command, or waits for the end of the one that runs or ran under this id. Output: its last 64 KiB. */
export const RUN_ONCE = `
dir=$1 id=$2; shift 2; run=$dir/$id
${STATE}
mkdir -p "$dir" || exit 74
if mkdir "$run" 2>/dev/null; then
  { trap '' HUP; "$@" </dev/null >"$run/out" 2>&1; echo $? >"$run/code"; mv "$run/code" "$run/exit"; } >/dev/null 2>&1 &
  echo "$! $boot" >"$run/pid"
  wait
fi
tries=0
until [ -e "$run/exit" ]; do
  if ! alive && [ ! -e "$run/exit" ]; then
    tries=$((tries + 1))
    if [ $tries -gt 3 ]; then echo '${CUT_OFF}' >&2; exit 75; fi
  fi
  sleep 1
done
tail -c ${KEPT_BYTES} "$run/out"
exit "$(cat "$run/exit")"`;

/** Says `absent`, `running`, `cut off` or `ended STATUS`, then the output. Changes nothing. */
export const LOOK = `
run=$1/$2
${STATE}
if [ ! -d "$run" ]; then echo absent
elif [ -e "$run/exit" ]; then echo "ended $(cat "$run/exit")"; tail -c ${KEPT_BYTES} "$run/out"
elif alive; then echo running
else sleep 1; if [ -e "$run/exit" ]; then echo "ended $(cat "$run/exit")"; tail -c ${KEPT_BYTES} "$run/out"; elif alive; then echo running; else echo 'cut off'; fi
fi`;
