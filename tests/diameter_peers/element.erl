%% A network element by Erlang/OTP's diameter: asks what it is told on standard input, a line of
%% Erlang for each message, and writes what comes back, a line each, as it decoded it.
-module(element).
-export([main/1]).
-export([peer_up/3, peer_down/3, pick_peer/4, prepare_request/3, prepare_retransmit/3,
         handle_answer/4, handle_error/4, handle_request/3]).

-include_lib("diameter/include/diameter.hrl").

main([Host, Realm, Port]) ->
    ok = diameter:start(),
    true = diameter:subscribe(?MODULE),
    ok = diameter:start_service(?MODULE, [
        {'Origin-Host', Host},
        {'Origin-Realm', Realm},
        {'Vendor-Id', 0},
        {'Product-Name', "OTP"},
        {'Auth-Application-Id', [4]},
        {decode_format, map},
        {string_decode, false},
        {application, [{alias, ro}, {dictionary, ro}, {module, ?MODULE},
                       {answer_errors, callback}, {request_errors, callback}]}
    ]),
    {ok, _} = diameter:add_transport(?MODULE, {connect, [
        {transport_module, diameter_tcp},
        {transport_config, [{raddr, {127, 0, 0, 1}}, {rport, list_to_integer(Port)},
                            {ip, {127, 0, 0, 1}}]},
        {connect_timer, 500},
        {watchdog_timer, 6000}
    ]}),
    Main = self(),
    spawn_link(fun() -> read(Main) end),
    loop().

read(Main) ->
    case io:get_line("") of
        eof -> Main ! eof;
        Line -> Main ! {line, Line}, read(Main)
    end.

loop() ->
    receive
        {line, Line} ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, Term} = erl_parse:parse_term(Tokens),
            ask(Term),
            loop();
        #diameter_event{info = Info} when element(1, Info) == up; element(1, Info) == down ->
            say("~p", [element(1, Info)]),
            loop();
        #diameter_event{} ->
            loop();
        eof ->
            diameter:stop_service(?MODULE),
            diameter:stop(),
            halt(0)
    end.

ask(Request) ->
    case diameter:call(?MODULE, ro, ['CCR' | Request], []) of
        {answer, [Name | Fields], Errors, Is_Error} ->
            say("~0p", [#{message => Name, fields => Fields, errors => Errors,
                          is_error => Is_Error}]);
        Other ->
            say("~0p", [#{failed => Other}])
    end.

say(Format, Args) -> io:format(Format ++ "~n", Args).

peer_up(_, _, State) -> State.
peer_down(_, _, State) -> State.
pick_peer([Peer | _], _, _, _) -> {ok, Peer};
pick_peer([], _, _, _) -> false.

prepare_request(#diameter_packet{msg = ['CCR' | Request]}, _, {_, Caps}) ->
    #diameter_caps{origin_host = {Host, _}, origin_realm = {Realm, _}} = Caps,
    {send, ['CCR' | Request#{'Origin-Host' => Host, 'Origin-Realm' => Realm,
                             'Auth-Application-Id' => 4}]}.

prepare_retransmit(Packet, _, _) -> {send, Packet}.

handle_answer(#diameter_packet{msg = Message, errors = Errors, header = Header}, _, _, _) ->
    {answer, Message, Errors, Header#diameter_header.is_error}.

handle_error(Reason, _, _, _) -> {error, Reason}.

handle_request(#diameter_packet{msg = [Name | Fields], errors = Errors}, _, {_, Caps}) ->
    say("~0p", [#{asked => Name, fields => Fields, errors => Errors}]),
    #diameter_caps{origin_host = {Host, _}, origin_realm = {Realm, _}} = Caps,
    {reply, ['RAA' | #{'Session-Id' => maps:get('Session-Id', Fields), 'Result-Code' => 2001,
                       'Origin-Host' => Host, 'Origin-Realm' => Realm}]}.
