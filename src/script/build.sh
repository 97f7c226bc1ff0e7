# build.sh FOLDER DOWNLOADS USER OUTPUT TO NAME SECONDS FALLBACK [--property=NAME=VALUE...] -- COMMAND... <FILL
# Builds static files: copies FOLDER/source to FOLDER/work, which it gives to USER, and runs COMMAND there as the unit NAME,
# which is ended after SECONDS. What is in OUTPUT, with the file FALLBACK unless that is empty, then becomes TO, root's, after
# FILL: a line for each value, with the file, the placeholder and the value as hex digits with tabs between, then `whole`, without
# which nothing is built. DOWNLOADS stays for the next build, up to 1 GiB. Why something cannot be done is said last: exit 1.
set -eu
umask 022
folder=$1 downloads=$2 user=$3 output=$4 to=$5 name=$6 seconds=$7 fallback=$8
shift 8
work=$folder/work made=$folder/made
# What is to be filled in is read first: what runs below must not.
fill=$(cat)
failed() {
	echo "$1"
	exit 1
}
[ "$(printf '%s\n' "$fill" | tail -n 1)" = whole ] || failed 'what is to be filled in did not arrive whole: try again'
remove() {
	rm -rf -- "$work" "$made" "$to.part"
	# Neither npm nor pip ever forgets anything.
	size=$(du -sm -- "$downloads" 2>/dev/null | cut -f 1)
	[ "${size:-0}" -le 1024 ] || rm -rf -- "$downloads"
}
systemctl stop "$name" 2>/dev/null || :
remove
trap remove EXIT
cp -a -- "$folder/source" "$work"
chown -hR "$user:$user" "$work"
[ -d "$downloads" ] || install -d -m 0700 -o "$user" -g "$user" "$downloads"

begun=$(date +%s)
status=0
systemd-run --quiet --wait --pipe --collect --unit="$name" --property=RuntimeMaxSec="$seconds" \
	--setenv=npm_config_cache="$downloads" --setenv=PIP_CACHE_DIR="$downloads" "$@" </dev/null 2>&1 || status=$?
if [ "$status" -ne 0 ] && [ $(($(date +%s) - begun)) -ge "$seconds" ]; then
	failed "it had not ended after $seconds s, and was ended; \`deadline\` gives it longer"
fi
[ "$status" -eq 0 ] || failed "it ended with exit code $status"

[ -d "$work/$output" ] || failed "it ended well, but has made no folder $output; \`output\` names another"
# As its user, who reads through links only what it may.
install -d -o "$user" -g "$user" "$made"
setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all \
	cp -RL --reflink=auto -- "$work/$output/." "$made/" 2>&1 || failed "what is in $output cannot be copied"
chown -hR 0:0 "$made"
# What visitors do not get.
find "$made" -mindepth 1 -name '.*' ! -name .well-known -prune -exec rm -rf -- {} +
[ -z "$(find "$made" ! -type f ! -type d -print -quit)" ] || failed "$output holds more than files and folders"
[ -n "$(find "$made" -type f -print -quit)" ] || failed "it ended well, but $output holds no file"
[ -z "$fallback" ] || [ -f "$made/$fallback" ] || failed "\`fallback\` names $fallback, which the build has not made"
find "$made" -type d -exec chmod 0755 {} +
find "$made" -type f -exec chmod 0644 {} +
# shellcheck disable=SC2016 # perl's variables
printf '%s\n' "$fill" | perl -e '
	use strict;
	my ($folder, %fill) = @ARGV;
	while (<STDIN>) {
		chomp;
		my ($file, $name, $value) = map { pack "H*", $_ } split /\t/, $_, -1;
		$fill{$file}{$name} = $value if defined $value;
	}
	local $/;
	for my $file (sort keys %fill) {
		my $path = "$folder/$file";
		open my $in, "<:raw", $path or print("`fill` names $file, which the build has not made\n"), exit 1;
		my ($text, $values) = (scalar <$in>, $fill{$file});
		for my $name (sort keys %$values) {
			index($text, $name) >= 0 or print("$name, which `fill` names, does not occur in $file\n"), exit 1;
		}
		# In one pass, so that what was filled in is never looked at again.
		my $any = join "|", map { quotemeta } sort keys %$values;
		$text =~ s/($any)/$values->{$1}/g;
		open my $out, ">:raw", $path or die "$path: $!\n";
		print $out $text;
		close $out or die "$path: $!\n";
		# What was compressed before holds the placeholder still.
		unlink "$path.gz";
	}' "$made" || exit 1
# nginx sends a .gz in the place of the file beside it.
find "$made" -type f -name '*.gz' | while IFS= read -r packed; do
	plain=${packed%.gz}
	[ ! -f "$plain" ] || gzip -dc -- "$packed" 2>/dev/null | cmp -s - "$plain" ||
		failed "${packed#"$made/"} is not what the file beside it is when it is compressed; make it again, or remove it"
done
# A time that follows from the contents, as of files that are sent: nginx makes ETags of it.
# shellcheck disable=SC2016 # perl's variables
find "$made" -type f -print0 | xargs -0 sha256sum -z -- | perl -0 -ne '
	chomp;
	my ($digest, $path) = /^(\w{7})\w* [ *](.*)$/s or next;
	my $time = 1500000000 + int(hex($digest) / 2);
	utime $time, $time, $path;'
sync -f "$made"
rm -rf -- "$to"
mv -T -- "$made" "$to"
sync "${to%/*}"
