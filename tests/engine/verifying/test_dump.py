from tambah.engine.verifying import verify, close_books
async def test_dump(history, owners, database):
    print(owners)
    for r in await database.fetch("SELECT owner_id,seq,kind,debit,credit,amount_micros/1e6 amt,bucket_id,balance_micros/1e6 bal,topup_no,peer_owner_id,peer_seq,mends_topup_no FROM transfer ORDER BY 1,2"): print(*r)
    v = await verify(database)
    print(v)
    c = await close_books(database)
    print(c)
    print(await verify(database)); print(await verify(database, full=True))
    for r in await database.fetch("SELECT * FROM topup"): print(*r)
    for r in await database.fetch("SELECT day,seq,action,subject FROM audit"): print(*r)
    for r in await database.fetch("SELECT state,* FROM line"): print(*r)
    assert 0
