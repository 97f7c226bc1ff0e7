# ready-pull.pl REFERENCE... — has the engine pull images, by its API: trixie's docker.io comes without the command
# https://docs.docker.com/reference/api/engine/ (ImageCreate); ends with 1 and the engine's words when one cannot be had
use strict;
use warnings;
use IO::Socket::UNIX;

for my $reference (@ARGV) {
    my ($name, $tag) = $reference =~ /^(.+):([^:\/]+)$/ or die "$reference has no tag\n";
    my $engine = IO::Socket::UNIX->new("/var/run/docker.sock") or die "the engine does not answer: $!\n";
    # 1.0: it closes when it is done.
    print $engine "POST /images/create?fromImage=$name&tag=$tag HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
    my $said = do { local $/; <$engine> };
    # A failure after the first bytes is an object in the answer.
    die "$reference: $said\n" if $said !~ m{^HTTP/1\.\d 200 } or $said =~ /"error"/;
}
