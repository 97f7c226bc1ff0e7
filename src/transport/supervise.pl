# supervise COMMAND [ARG...]: runs it in a process group of its own, which ends when nobody reads our stderr any more
# sshd closes it when the client is gone or has closed the channel; stdin would not do, since it may end by itself
use strict;
use warnings;
use IO::Select;
use POSIX ();

my $status;
my $pid = fork;
exit 70 if not defined $pid;
if ($pid == 0) {
    POSIX::setpgid(0, 0);
    # Its warning that nothing can follow it would reach our stderr, which is the command's own.
    no warnings "exec";
    exec @ARGV;
    POSIX::_exit(127);
}
POSIX::setpgid($pid, $pid);
open STDIN, "<", "/dev/null";
$SIG{CHLD} = sub { };
$SIG{$_} = sub { end() } for qw(HUP INT TERM);

sub ended {
    return 1 if defined $status;
    return 0 if waitpid($pid, POSIX::WNOHANG()) != $pid;
    $status = $?;
    return 1;
}

sub end {
    kill "TERM", -$pid;
    for (1 .. 10) {
        last if ended() and not kill 0, -$pid;
        select undef, undef, undef, 0.1;
    }
    kill "KILL", -$pid;
    exit 143;
}

# A pipe whose reader is gone is readable to select; nothing is ever sent to us there.
my $watch = IO::Select->new(2);
while (not ended()) {
    end() if $watch->can_read(0.25);
}
exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);
