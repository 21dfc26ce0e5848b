/// What `--help` prints.
enum Help {
  static let text = """
    Processes work on one store, are killed and stopped, and what each of them saw is judged.

    Usage: cstate-stress [run] [OPTION]…     runs a load and judges it
           cstate-stress check DIR           judges the run directory DIR again

      --seed NUMBER            Decides roles, operations, victims, moments (from the clock)
      --processes NUMBER       How many workers there are at once (16)
      --seconds NUMBER         How long the load lasts; 0: until another limit (60)
      --operations NUMBER      After how many operations it ends; 0: until another limit (0)
      --kills NUMBER           After how many kills it ends; 0: until another limit (0)
      --lifecycles NUMBER      After how many whole lives of containers it ends; workers then do nothing
                               else, and one follows the changes (0)
      --keep-changes NUMBER    How many changes the store keeps (100000000)
      --kill-every MS          How often a worker gets SIGKILL, in the mean; 0 for never (200)
      --stop-every MS          How often one gets SIGSTOP, in the mean; 0 for never (0)
      --stop-for MS            How long it stays stopped at most, a reader in its snapshot too (800)
      --containers NUMBER      How many containers there are at most (64)
      --threads NUMBER         How many threads a monitor has (2)
      --roles ROLE=WEIGHT,…    What workers do (\(RoleWeights().text))
      --foreign CONDUCT        What the sqlite3 shells do: reads, writes, defaults (writes)
      --checkpoint-frames N    After how many frames the store copies its WAL back (200)
      --timeout SECONDS        How long a worker waits for locks and gate (60)
      --storage KIND           dir (in the run directory), a path, tmpfs, ext4 or xfs (dir); the last three
                               need root, and are mounted where no other process sees them
      --runtime RUNTIME        none, runc, crun or builtin: adds workers that drive real containers (none)
      --faults                 Each worker draws a fault and meets it once it gets there: a failpoint of the
                               store or a system call that kills, stops, delays or fails it
      --scenario NAME          Options for one group of faults; options after it change them
      --directory DIR          An empty directory for the run (one in the temporary directory)
      --keep                   Keep that directory; it is kept anyway when something went wrong

    Roles: command (opens, does a few operations, closes), monitor (long-lived, with threads), lister, reader
    (stops inside a snapshot), remover, shell (a foreign sqlite3), follower (reads
    the changes), lifecycle (whole lives of containers), engine (real containers).

    Scenarios:
    \(Scenario.all.map { "  \($0.name) (\($0.groupText)): \($0.explanation)" }.joined(separator: "\n"))

    With --foreign defaults the shells copy the WAL back by themselves. On SQLite 3.7.0 to 3.51.2 that can
    lose commits (the WAL-reset race); what is found then is a true loss, and the summary says that it may be
    this one.

    One line of JSON goes to standard output, everything else to standard error. A run that fails keeps its
    directory: the options (run.json), what each process saw (journals), the store, the verdict, drawings of
    anomalies, and the command that does it again (replay). The seed decides all choices; which process the
    kernel runs when is not among them.

    Exit statuses: 0 every check holds · 1 one does not · 2 wrong arguments · 130 interrupted
    """
}
