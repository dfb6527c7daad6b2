#!/usr/bin/env perl
# A client in Perl's core modules.
#
# Debian: perl
# Run: perl client.pl http://127.0.0.1:8080

use v5.32;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my $url  = ( shift // 'http://127.0.0.1:8080' ) =~ s{/$}{}r;
my $http = HTTP::Tiny->new;    # it keeps the connection open

# Perl prints 15 digits of a number, and so do its JSON modules; %.17g loses nothing.
sub exact_text {
    my ($value) = @_;
    return ref $value ? '[' . join(',', map { exact_text($_) } @$value) . ']' : sprintf '%.17g', $value;
}

sub post {
    my ($path, %message) = @_;
    my $body     = '{' . join(',', map { qq("$_":) . exact_text($message{$_}) } sort keys %message) . '}';
    my $response = $http->post($url . $path, { headers => { 'Content-Type' => 'application/json' }, content => $body });
    my $answer   = decode_json($response->{content});
    die "$response->{status} $answer->{detail}\n" unless $response->{success};
    return $answer;
}

my $softmax  = post('/softmax', logits => [0.1 + 0.2, 1 / 3, -2.5])->{probabilities};
my $loss     = post('/loss', logits => [40, 0], target => 0)->{loss};
my $gradient = post('/gradient', logits => [[2, 1, 0.1], [0.5, 2.5, -1]], target => [0, 2])->{gradient};
say 'softmax  ', exact_text($softmax);
say 'loss     ', exact_text($loss);
say 'gradient ', exact_text($gradient);
die "a target that does not exist was answered\n" if eval { post('/loss', logits => [1, 2], target => 5) };
print "refused  $@";

my @expected = (
    [0.47739415140192576, 0.49357548035441035, 0.02903036824366389],
    4.248354255291589e-18,
    [[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
     [0.05805726733707059, 0.42898840530422866, -0.4870456726412992]],
);
die "a number differs\n" if exact_text([$softmax, $loss, $gradient]) ne exact_text(\@expected);
